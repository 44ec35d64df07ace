"""seektune: staged hyperparameter tuning for language models. The engine; never imports Prefect."""
