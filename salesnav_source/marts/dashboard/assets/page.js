"use strict";
// what stands on the page works without this script; it makes charts answer to the pointer, and saves pictures
(() => {
  const tip = document.createElement("div");
  tip.className = "tip";
  document.body.append(tip);
  const say = (_handler, event, _item, value) => {
    tip.style.visibility = value ? "visible" : "hidden";
    if (!value) return;
    tip.textContent = String(value);
    const right = Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 8);
    const low = event.clientY + 14 + tip.offsetHeight > innerHeight;
    tip.style.left = `${Math.max(8, right)}px`;
    tip.style.top = `${low ? event.clientY - tip.offsetHeight - 10 : event.clientY + 14}px`;
  };
  const options = { renderer: "svg", actions: false, ast: true, tooltip: say, defaultStyle: false };
  const draw = async () => {
    const specs = JSON.parse(document.getElementById("specs").textContent);
    for (const [key, spec] of Object.entries(specs)) {
      const place = document.getElementById(`chart-${key}`);
      // drawn beside what is there, and put in its place at once
      const drawn = document.createElement("div");
      drawn.className = "chart live";
      drawn.style.position = "absolute";
      drawn.style.visibility = "hidden";
      drawn.style.width = `${place.clientWidth}px`;
      place.after(drawn);
      spec.config.axisY = { labelLimit: Math.min(230, Math.max(155, place.clientWidth * 0.38)) };
      try {
        const { view } = await vegaEmbed(drawn, spec, options);
        drawn.removeAttribute("style");
        for (const name of ["id", "role", "aria-label"]) {
          drawn.setAttribute(name, place.getAttribute(name));
          place.removeAttribute(name);
        }
        // what was there suits a sheet of paper, whatever the window's width
        place.className = "paper";
        view.resize().run();
        drawn.querySelectorAll("svg, svg [role]").forEach((one) => {
          for (const name of ["role", "aria-roledescription", "aria-label", "tabindex"]) one.removeAttribute(name);
        });
        const [svg] = drawn.getElementsByTagName("svg");
        svg.setAttribute("aria-hidden", "true");
      } catch (error) {
        drawn.remove();
        console.error(error);
      }
    }
    document.body.dataset.drawn = "all";
  };

  const save = async (figure) => {
    const svg = figure.querySelector(".chart svg").cloneNode(true);
    const [title, caption] = [figure.querySelector("h3"), figure.querySelector(".small")].map((one) => one.textContent);
    const box = (svg.getAttribute("viewBox") || `0 0 ${svg.getAttribute("width")} ${svg.getAttribute("height")}`).split(" ");
    const [width, height] = [Number(box[2]), Number(box[3])];
    svg.setAttribute("width", width);
    svg.setAttribute("height", height);
    const text = new XMLSerializer().serializeToString(svg).replaceAll("currentColor", "#1c2430");
    const image = new Image();
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    const pen = canvas.getContext("2d");
    const lines = (words, font) => {
      pen.font = font;
      const found = [""];
      for (const word of words.split(" ")) {
        const longer = `${found.at(-1)} ${word}`.trim();
        if (pen.measureText(longer).width > width) found.push(word);
        else found[found.length - 1] = longer;
      }
      return found;
    };
    const fonts = ["600 16px sans-serif", "12px sans-serif"];
    const said = [...lines(title, fonts[0]).map((line) => [line, fonts[0], 22]), ...lines(caption, fonts[1]).map((line) => [line, fonts[1], 17])];
    const above = said.reduce((sum, [, , tall]) => sum + tall, 26);
    canvas.width = 2 * (width + 32);
    canvas.height = 2 * (height + above + 16);
    pen.scale(2, 2);
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, width + 32, height + above + 16);
    pen.fillStyle = "#1c2430";
    let y = 12;
    for (const [line, font, tall] of said) {
      pen.font = font;
      pen.fillText(line, 16, (y += tall));
    }
    pen.drawImage(image, 16, above, width, height);
    const link = document.createElement("a");
    link.download = `${figure.id}.png`;
    link.href = canvas.toDataURL("image/png");
    link.click();
  };
  document.querySelectorAll("figure .tools").forEach((tools) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Picture";
    button.setAttribute("aria-label", `Picture of: ${tools.closest("figure").querySelector("h3").textContent}`);
    button.addEventListener("click", () => save(tools.closest("figure")));
    tools.append(button);
  });

  const filters = document.querySelector("form.filters");
  if (filters) {
    filters.addEventListener("change", (event) => {
      if (event.target.tagName === "SELECT") {
        // a person or a team of one contract need not be in another
        if (event.target.name === "contract") filters.person.value = "";
        filters.requestSubmit();
      }
    });
  }
  const open = () => {
    const list = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (list && list.tagName === "DETAILS") list.open = true;
  };
  addEventListener("hashchange", open);
  open();
  let were = [];
  addEventListener("beforeprint", () => {
    were = [...document.querySelectorAll("details.list:not([open])")];
    were.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", () => were.forEach((one) => { one.open = false; }));
  if (document.getElementById("specs")) draw();
})();
