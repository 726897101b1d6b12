"""What every section of the parameters is: frozen, and without entries that nobody reads."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Part of params.yaml. An unknown entry is an error: it may be a misspelt one."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
