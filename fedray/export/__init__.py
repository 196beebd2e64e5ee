"""Opened models in the formats of others: scikit-learn's names, XGBoost's JSON, PMML. Pure."""
