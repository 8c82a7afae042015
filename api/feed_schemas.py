"""What the API gives to a browser that sends the pictures of a webcam."""

from pydantic import BaseModel, Field


class FeedAnswer(BaseModel):
    """How to send pictures."""

    path: str = Field(description="Where the WebSocket is opened, below the address of the API.")
    protocols: list[str] = Field(
        description="The subprotocols to ask for; the second one is a ticket, for one connection."
    )
    valid_s: float = Field(description="Seconds in which it must be opened.")
