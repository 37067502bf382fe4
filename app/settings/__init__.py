"""Settings: the model, the settings file, the state folder, and limits grouped by part."""
