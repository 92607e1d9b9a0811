# Reads the configuration files as the commands do, before Snakemake reads them: a key that stands twice, or a text that
# one reads as a number, is then no difference between `dgmbench plan` and the workflow.
import sys
from pathlib import Path

from dgmbench.errors import UserError
from dgmbench.run.config_files import overlay, read_files

given_files = list(map(Path, workflow.overwrite_configfiles))
settings = workflow.config_settings
if Path("config.yaml").exists() and not (settings.replace_workflow_config and settings.overwrite_config):
    given_files.insert(0, Path("config.yaml"))
try:
    CONFIGURATION = read_files(given_files)
except UserError as error:
    sys.exit(f"dgmbench: error: {error}")
overlay(CONFIGURATION.content, settings.config)
