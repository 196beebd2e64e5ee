"""The FATE-Flow API: FATE's jobs as pipelines of ordinary tasks, over the same service as every other API."""
