"""Types that a skops file may hold beside those that skops trusts by itself: reviewed, one by one.

Each is data, or code that only computes numbers from its arguments: none opens files, starts processes or
imports by name. What holds positions that compiled code would follow unchecked is inspected by `check_parts`.
"""

_OF_MODULES: dict[str, tuple[str, ...]] = {
    # Containers.
    "collections": ("OrderedDict",),
    "numpy": ("dtype", "mean"),
    "sklearn.utils._bunch": ("Bunch",),
    # A function with some arguments; which function is a type of its own.
    "functools": ("partial",),
    "builtins": ("object",),
    "scipy._lib.array_api_compat.numpy._aliases": ("asarray",),
    "sklearn.utils.validation": ("check_array",),
    # Parts with positions, which are inspected.
    "scipy.interpolate._bsplines": ("BSpline",),
    "scipy.sparse._csr": ("csr_matrix",),
    "sklearn.ensemble._hist_gradient_boosting.predictor": ("TreePredictor",),
    "sklearn.metrics._dist_metrics": ("EuclideanDistance64",),
    "sklearn.neighbors._ball_tree": ("BallTree",),
    "sklearn.neighbors._kd_tree": ("KDTree",),
    "sklearn.tree._tree": ("Tree",),
    # Parts of estimators, computed with NumPy.
    "sklearn.calibration": ("_CalibratedClassifier", "_SigmoidCalibration", "_TemperatureScaling"),
    "sklearn.compose._column_transformer": ("make_column_selector",),
    "sklearn.gaussian_process._gpc": ("_BinaryGaussianProcessClassifierLaplace",),
    "sklearn.gaussian_process.kernels": (
        *("CompoundKernel", "ConstantKernel", "DotProduct", "Exponentiation", "ExpSineSquared", "Matern"),
        *("PairwiseKernel", "Product", "RBF", "RationalQuadratic", "Sum", "WhiteKernel"),
    ),
    "sklearn.multiclass": ("_ConstantPredictor",),
    "sklearn.neural_network._stochastic_optimizers": ("AdamOptimizer", "SGDOptimizer"),
    # What fitting left behind: how a search split and judged, how columns were chosen. No prediction uses it.
    "sklearn.feature_selection._mutual_info": ("mutual_info_classif", "mutual_info_regression"),
    "sklearn.feature_selection._univariate_selection": (
        *("chi2", "f_classif", "f_oneway", "f_regression", "r_regression"),
    ),
    "sklearn.metrics._classification": (
        *("accuracy_score", "balanced_accuracy_score", "brier_score_loss", "cohen_kappa_score", "f1_score"),
        *("fbeta_score", "jaccard_score", "log_loss", "matthews_corrcoef", "precision_score", "recall_score"),
    ),
    "sklearn.metrics._ranking": ("average_precision_score", "roc_auc_score", "top_k_accuracy_score"),
    "sklearn.metrics._regression": (
        *("explained_variance_score", "max_error", "mean_absolute_error", "mean_absolute_percentage_error"),
        *("mean_pinball_loss", "mean_squared_error", "mean_squared_log_error", "median_absolute_error"),
        *("r2_score", "root_mean_squared_error", "root_mean_squared_log_error"),
    ),
    "sklearn.metrics._scorer": ("_CurveScorer", "_MultimetricScorer", "_PassthroughScorer", "_Scorer"),
    "sklearn.model_selection._split": (
        *("GroupKFold", "GroupShuffleSplit", "KFold", "LeaveOneGroupOut", "LeaveOneOut", "PredefinedSplit"),
        *("RepeatedKFold", "RepeatedStratifiedKFold", "ShuffleSplit", "StratifiedGroupKFold"),
        *("StratifiedKFold", "StratifiedShuffleSplit", "TimeSeriesSplit"),
    ),
    "sklearn.utils._metadata_requests": ("MetadataRequest", "MethodMetadataRequest"),
    # Estimators of the boosting libraries, which read their own bytes, as from files of theirs.
    "catboost.core": ("CatBoost", "CatBoostClassifier", "CatBoostRanker", "CatBoostRegressor"),
    "lightgbm.basic": ("Booster",),
    "lightgbm.sklearn": ("LGBMClassifier", "LGBMRanker", "LGBMRegressor"),
    "xgboost.core": ("Booster",),
    "xgboost.sklearn": (
        *("XGBClassifier", "XGBRFClassifier", "XGBRFRegressor", "XGBRanker", "XGBRegressor"),
    ),
}
TRUSTED = tuple(f"{module}.{name}" for module, names in _OF_MODULES.items() for name in names)
