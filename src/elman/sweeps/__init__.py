"""Many trainings with other settings, and the best of them; Optuna says what is tried next."""
