"""Settings of a run: the keys that ``settings``, a dataset or a model may have in the configuration."""

from pydantic import Field

from dgmbench.run.settings import Settings
from dgmbench.run.spec import RunSpec


class ClassifierSettings(Settings):
    """Which part of the images is used. The defaults are the published protocol: all of them."""

    train_limit: int = Field(0, ge=0, description="use this many training images; 0 is all")
    test_limit: int = Field(0, ge=0, description="classify this many test images; 0 is all")


def classifier_settings(spec: RunSpec) -> ClassifierSettings:
    """The settings of a run of this task."""
    assert isinstance(spec.settings, ClassifierSettings)
    return spec.settings
