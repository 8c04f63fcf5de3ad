"""How do XGBoost, LightGBM and CatBoost compute a prediction?"""
