"""The PaddleDTX API: gRPC ``task.Task`` and its HTTP routes, over the same service as every other API."""
