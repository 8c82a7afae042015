"""The measure of all servers here: a plain FastAPI handler that returns a constant."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def constant() -> dict[str, str]:
    """Return a constant."""
    return {"status": "ok"}
