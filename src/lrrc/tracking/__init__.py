"""MLflow: the only package that imports it. May import runtime, params, digest, policies, middleware.

mlflow_runs    one run per stage item
stage_outputs  what stages left behind, as numbers
live_run       a training as it runs
mlflow_views   saved views
mlflow_model   the coordinator as a served and registered model
mlflow_traces  live calls as traces, their checks as an evaluation data set
registered     models:/lrrc@champion as a policy of the middleware
"""
