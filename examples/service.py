"""A service on a saved pipeline. Start it with

HSAE_MODEL=results/model.skops uvicorn service:app
"""

import os

from fastapi import FastAPI
from pydantic import BaseModel

from sklearn_hsae import load_pipeline, without_neurons

model = load_pipeline(os.environ.get("HSAE_MODEL", "results/model.skops"))
model = without_neurons(model)
model.predict(["Loads the embedder before the first request comes."])
app = FastAPI()


class Texts(BaseModel):
    texts: list[str]


@app.post("/predict")
def predict(request: Texts):
    annotations = model[:-1].transform(request.texts)
    concepts = [annotations.columns[row == 1] for row in annotations.to_numpy()]
    predictions = model[-1].predict(annotations)
    return {"predictions": predictions.tolist(), "concepts": list(map(list, concepts))}
