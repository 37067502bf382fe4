"""The console in Debian's Chromium: `tests/console/browser/run`."""
