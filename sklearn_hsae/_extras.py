"""Import optional packages, with an error that says how to install them."""

from importlib import import_module


def import_extra(module, *, extra, use):
    """Import a module of an optional package, or say how to install it.

    Parameters
    ----------
    module : str
        The module, such as ``"pyarrow.parquet"``.
    extra : str
        The extra of sklearn-hsae that installs the package.
    use : str
        What needs the package, such as ``"parquet files"``.

    Raises
    ------
    ImportError
        When the package is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(
            f"{use} need {package}: pip install 'sklearn-hsae[{extra}]'"
        ) from error
