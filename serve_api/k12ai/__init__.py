"""The K12AI API: framework, platform and message routes, over the same service as every other API."""
