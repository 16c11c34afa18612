"""What is measured of a model's predictions, and how sure that is."""
