# /// script
# [tool.marimo.display]
# theme = "system"
# ///
"""The dashboard as a marimo app. `server.py` serves it; what it shows comes from `pages`, and it asks nothing itself."""

import marimo

app = marimo.App(width="full", app_title="Sales Navigator")


@app.cell
def _():
    import marimo as mo

    from salesnav_source.dashboard import served

    return mo, served


@app.cell
def _(mo):
    again = mo.ui.run_button(label="Read again", tooltip="Ask the warehouse again, after a load or a build")
    return (again,)


@app.cell
def _(again, mo, served):
    again.value
    start = served.start(mo.query_params().to_dict())
    mo.stop(start.trouble is not None, mo.callout(mo.md(start.trouble or ""), kind="warn"))
    return (start,)


@app.cell
def _(mo, start):
    contract = mo.ui.dropdown(start.contracts, value=start.contract, label="Contract")
    dates = mo.ui.date_range(start=start.first_day, stop=start.last_day, value=start.dates, label="Days")
    return contract, dates


@app.cell
def _(contract, mo, start):
    people = start.people(contract.value)
    person = mo.ui.dropdown(people, value=start.person(people), label="Person", searchable=True)
    return (person,)


@app.cell
def _(again, contract, dates, mo, person, served, start):
    view = served.View(start, contract.value, person.value, *dates.value)
    header = mo.vstack(
        [
            mo.Html(view.header),
            mo.hstack([contract, person, dates, again], justify="start", align="end", wrap=True, gap=1),
        ]
    )
    header
    return (view,)


@app.cell
def _(mo, view):
    def show(key):
        page = view.page(key, lambda chart: mo.as_html(chart).text)
        tables = [
            mo.vstack(
                [
                    mo.Html(f'<div class="sn"><h3>{table.title} ({len(table.frame):,})</h3></div>'),
                    mo.ui.table(
                        table.frame,
                        selection=None,
                        pagination=True,
                        page_size=15,
                        show_download=False,
                        show_column_summaries=False,
                        show_data_types=False,
                        format_mapping=table.formats,
                        wrapped_columns=table.wrapped,
                    ),
                    mo.hstack(
                        [
                            mo.download(
                                table.csv, filename=f"{table.key}.csv", mimetype="text/csv", label="Download as CSV"
                            )
                        ],
                        justify="start",
                    ),
                ]
                if len(table.frame)
                else [mo.Html(f'<div class="sn"><h3>{table.title}</h3><p>{table.empty}</p></div>')]
            )
            for table in page.tables
        ]
        return mo.vstack([mo.Html(page.html), *tables], gap=1)

    pages = {f"#/{key}": (lambda key=key: show(key)) for key in view.keys}
    mo.routes({**pages, mo.routes.CATCH_ALL: lambda: show(view.keys[0])})
    return


if __name__ == "__main__":
    app.run()
