"""The client from PyPI is called crowd as our own helper is: it is loaded from where it is installed."""

import importlib.metadata
import importlib.util

_file, = [f for f in importlib.metadata.files("Crowd") if f.name == "crowd.py"]
_spec = importlib.util.spec_from_file_location("python_crowd_client", _file.locate())
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
CrowdServer = _module.CrowdServer
