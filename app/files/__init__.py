"""Files: watched for changes, and replaced atomically with their permissions kept."""
