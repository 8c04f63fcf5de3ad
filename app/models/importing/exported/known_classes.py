"""The classes that an export may name: reviewed, without code of their own that reading would run."""

from importlib import import_module

from app.models.untrusted import Unsound

_HISTOGRAM = "sklearn.ensemble._hist_gradient_boosting"

# By module, because private modules moved between versions while the names of classes stayed.
CLASSES: dict[str, tuple[str, ...]] = {
    "sklearn.cluster": ("AffinityPropagation", "KMeans", "MeanShift", "MiniBatchKMeans"),
    "sklearn.compose": ("ColumnTransformer", "TransformedTargetRegressor"),
    "sklearn.decomposition": ("PCA", "TruncatedSVD"),
    "sklearn.discriminant_analysis": ("LinearDiscriminantAnalysis", "QuadraticDiscriminantAnalysis"),
    "sklearn.dummy": ("DummyClassifier", "DummyRegressor"),
    "sklearn.ensemble": (
        *("AdaBoostClassifier", "AdaBoostRegressor", "BaggingClassifier", "BaggingRegressor"),
        *("ExtraTreesClassifier", "ExtraTreesRegressor", "RandomForestClassifier", "RandomForestRegressor"),
        *("GradientBoostingClassifier", "GradientBoostingRegressor"),
        *("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"),
        *("IsolationForest", "VotingClassifier", "VotingRegressor"),
    ),
    f"{_HISTOGRAM}.binning": ("_BinMapper",),
    f"{_HISTOGRAM}.predictor": ("TreePredictor",),
    "sklearn.feature_extraction.text": (
        *("CountVectorizer", "HashingVectorizer"),
        *("TfidfTransformer", "TfidfVectorizer"),
    ),
    "sklearn.feature_selection": (
        *("SelectKBest", "SelectPercentile", "SelectFpr", "SelectFdr", "SelectFwe"),
        *("VarianceThreshold", "SelectFromModel", "GenericUnivariateSelect"),
    ),
    "sklearn.impute": ("SimpleImputer", "MissingIndicator"),
    "sklearn.linear_model": (
        *("ARDRegression", "BayesianRidge", "ElasticNet", "ElasticNetCV", "HuberRegressor", "Lars", "Lasso"),
        *("LassoCV", "LassoLars", "LinearRegression", "LogisticRegression", "LogisticRegressionCV"),
        *("PassiveAggressiveClassifier", "PassiveAggressiveRegressor", "Perceptron"),
        *("Ridge", "RidgeCV", "RidgeClassifier", "RidgeClassifierCV"),
        *(
            "SGDClassifier",
            "SGDRegressor",
            "SGDOneClassSVM",
            "OrthogonalMatchingPursuit",
            "TheilSenRegressor",
        ),
    ),
    "sklearn.kernel_ridge": ("KernelRidge",),
    "sklearn.mixture": ("BayesianGaussianMixture", "GaussianMixture"),
    "sklearn.model_selection": ("GridSearchCV", "RandomizedSearchCV"),
    "sklearn.multiclass": ("OneVsRestClassifier",),
    "sklearn.multioutput": (
        *("ClassifierChain", "MultiOutputClassifier", "MultiOutputRegressor", "RegressorChain"),
    ),
    "sklearn.naive_bayes": ("BernoulliNB", "ComplementNB", "GaussianNB", "MultinomialNB"),
    "sklearn.neighbors": (
        *("KNeighborsClassifier", "KNeighborsRegressor", "NearestCentroid"),
        *("RadiusNeighborsClassifier", "RadiusNeighborsRegressor"),
    ),
    "sklearn.neural_network": ("MLPClassifier", "MLPRegressor"),
    "sklearn.pipeline": ("FeatureUnion", "Pipeline"),
    "sklearn.preprocessing": (
        *("Binarizer", "FunctionTransformer", "KBinsDiscretizer", "LabelBinarizer", "LabelEncoder"),
        *("MaxAbsScaler", "MinMaxScaler", "Normalizer", "OneHotEncoder", "OrdinalEncoder"),
        *("PolynomialFeatures", "PowerTransformer", "QuantileTransformer", "RobustScaler", "StandardScaler"),
    ),
    "sklearn.svm": ("LinearSVC", "LinearSVR", "NuSVC", "NuSVR", "OneClassSVM", "SVC", "SVR"),
    "sklearn.tree": (
        *("DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor"),
    ),
}
MODULE_OF = {name: module for module, names in CLASSES.items() for name in names}


def known_class(path: str) -> type:
    """Today's class for a class of another version.

    :param path: the dotted name that it had there.
    :raises Unsound: for a class that the table does not have.
    """
    name = str(path).rpartition(".")[2]
    if not str(path).startswith("sklearn.") or name not in MODULE_OF:
        raise Unsound(f"it holds a {path}, which cannot be rebuilt from its numbers")
    found = getattr(import_module(MODULE_OF[name]), name, None)
    if not isinstance(found, type):
        raise Unsound(f"it holds a {path}, which the installed scikit-learn no longer has")
    return found
