"""The table: one metric, compared with the published numbers and between the rows."""

from dgmbench.report.table import Metric, MetricTable

TABLE = MetricTable(
    (Metric("error_rate", "error rate", unit="%", digits=1, higher_is_better=False, per_example="error"),)
)
