"""An engineer adds hypotheses to a code base that uses scikit-learn.

The table has a text beside other columns. The pipeline goes into a ColumnTransformer,
is searched, tested on held-out rows, saved without pickle, loaded, and predicts.
"""

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline

from sklearn_hsae import (
    HypothesisRegressor,
    evaluate_hypotheses,
    load_pipeline,
    make_hypothesis_pipeline,
    make_reviews,
    save_pipeline,
)

reviews = make_reviews(300, random_state=0)
frame = pd.DataFrame(
    {"review": reviews.texts, "price": np.arange(300) % 5, "city": ["A", "B"] * 150}
)
stars = reviews.target - 0.2 * frame["price"].to_numpy()
train, new, y_train, y_new = train_test_split(frame, stars, random_state=0)

# 1. Search the sizes without naming or judging: it costs no more than training.
concepts = make_hypothesis_pipeline(n_neurons=32, n_select=4, random_state=0)
concepts.set_params(sae__max_epochs=10)
cheap = concepts.set_params(interpret="passthrough", annotate="passthrough")
search = GridSearchCV(cheap, {"sae__k": [2, 4]}, cv=2)
search.fit(train["review"].to_numpy(dtype=object), y_train)
print("best sizes:", search.best_params_)

# 2. The whole pipeline beside the other columns, which are held equal.
concepts = make_hypothesis_pipeline(n_neurons=32, n_select=4, random_state=0)
concepts.set_params(sae__max_epochs=10, **search.best_params_)
columns = make_column_transformer(
    (concepts[:-1], "review"),
    ("passthrough", ["price", "city"]),
    verbose_feature_names_out=False,  # no prefixes such as "pipeline__"
).set_output(transform="pandas")
model = make_pipeline(columns, HypothesisRegressor(controls=["price", "city"]))
model.fit(train, y_train)

# 3. Tested on rows that it has not seen.
evaluation = evaluate_hypotheses(model, new, y_new, X_train=train, y_train=y_train)
print(evaluation)
print(evaluation.controls[["control", "coefficient", "p"]].round(3))

# 4. Saved without pickle, and used elsewhere; an empty batch is no error.
model = load_pipeline(save_pipeline(model, "model.skops"))
print("predictions:", model.predict(new[:3]).round(2), model.predict(new[:0]))
