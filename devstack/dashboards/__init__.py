"""The dashboards: what they show stands in the YAML files here, and Grafana's JSON is made from them.

`model` is their form, `grafana` makes the chart's files, `queries` asks Prometheus what Grafana would ask,
`pictures` draws the answers for the docs.
"""
