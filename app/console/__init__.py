"""The console: a page for browsers that shows what the API returns.

The page is static, holds no data, and therefore needs no credential. Its script asks the API, with
the credential that its user enters. The sources are in `console/` of the repository; `make console`
builds them into the folder `static`.
"""
