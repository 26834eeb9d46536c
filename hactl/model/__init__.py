"""What a cluster is to be, as frozen values: knows neither YAML nor XML."""
