# Reads the configuration files as the commands do, before Snakemake reads them: a key that stands twice, or a text that
# one reads as a number, is then no difference between `dgmbench plan` and the workflow.
import sys
from pathlib import Path

from dgmbench.errors import UserError
from dgmbench.run.config_files import command_line_values, read_files, shown
from dgmbench.run.presets import given_by_name, notice

PRESETS = Path(workflow.basedir) / "workflow/presets"
settings = workflow.config_settings
given_files = list(map(Path, workflow.overwrite_configfiles))
# `--config preset=smoke` alone is the preset of that name
named = given_by_name(settings.config, given_files, PRESETS)
given_files += named
if Path("config.yaml").exists() and not (settings.replace_workflow_config and settings.overwrite_config):
    given_files.insert(0, Path("config.yaml"))
try:
    CONFIGURATION = read_files(given_files, command_line_values(settings.config))
except UserError as error:
    sys.exit(f"dgmbench: error: {error}")
if workflow.is_main_process:
    for line in [*(f"{shown(path)} is laid over config.yaml" for path in named), notice(CONFIGURATION, PRESETS)]:
        if line:
            print(f"dgmbench: {line}", file=sys.stderr)
