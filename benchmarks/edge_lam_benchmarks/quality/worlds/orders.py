"""A shop's orders, as its customer service sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edge_lam_benchmarks.quality.worlds.episode import Episode


class Orders:
    """Orders by their numbers. One that was shipped can be returned, one that was not can be changed."""

    def __init__(self) -> None:
        self._orders: dict[str, dict[str, Any]] = {
            "A100": {"item": "kettle", "quantity": 1, "city": "Lyon", "status": "processing"},
            "A101": {"item": "lamp", "quantity": 2, "city": "Porto", "status": "shipped"},
            "A102": {"item": "chair", "quantity": 4, "city": "Leeds", "status": "processing"},
        }

    def tools(self) -> list[Callable[..., Any]]:
        """Return the functions that a model may call."""
        return [self.get_order, self.cancel_order, self.return_order, self.change_quantity, self.change_city]

    def state(self) -> dict[str, Any]:
        """Return all orders."""
        return {number: dict(order) for number, order in self._orders.items()}

    def get_order(self, number: str) -> dict[str, Any]:
        """Get item, quantity, city and status of an order.

        Args:
            number: Number of the order, such as A100
        """
        return {"number": number, **self._find(number)}

    def cancel_order(self, number: str) -> dict[str, Any]:
        """Cancel an order that was not shipped yet.

        Args:
            number: Number of the order, such as A100
        """
        self._processing(number)["status"] = "cancelled"
        return {"number": number, "status": "cancelled"}

    def return_order(self, number: str) -> dict[str, Any]:
        """Start the return of an order that was shipped.

        Args:
            number: Number of the order, such as A100
        """
        order = self._find(number)
        if order["status"] != "shipped":
            raise ValueError(f"order {number} is {order['status']}, only a shipped one can be returned")
        order["status"] = "returned"
        return {"number": number, "status": "returned"}

    def change_quantity(self, number: str, quantity: int) -> dict[str, Any]:
        """Change how many pieces an order has, if it was not shipped yet.

        Args:
            number: Number of the order, such as A100
            quantity: How many pieces
        """
        self._processing(number)["quantity"] = quantity
        return {"number": number, "quantity": quantity}

    def change_city(self, number: str, city: str) -> dict[str, Any]:
        """Change the city that an order goes to, if it was not shipped yet.

        Args:
            number: Number of the order, such as A100
            city: Where it goes
        """
        self._processing(number)["city"] = city
        return {"number": number, "city": city}

    def _find(self, number: str) -> dict[str, Any]:
        if number not in self._orders:
            raise ValueError(f"there is no order {number!r}")
        return self._orders[number]

    def _processing(self, number: str) -> dict[str, Any]:
        order = self._find(number)
        if order["status"] != "processing":
            raise ValueError(f"order {number} is {order['status']}")
        return order


EPISODES = (
    Episode("orders-status", Orders, ("What is the status of order A101?",), (), ("shipped",)),
    Episode("orders-cancel", Orders, ("Please cancel order A100.",), (("cancel_order", {"number": "A100"}),)),
    Episode(
        "orders-city",
        Orders,
        ("Order A102 should go to York.",),
        (("change_city", {"number": "A102", "city": "York"}),),
    ),
    Episode(
        "orders-two",
        Orders,
        ("Cancel order A100 and return order A101.",),
        (("cancel_order", {"number": "A100"}), ("return_order", {"number": "A101"})),
    ),
    Episode(
        "orders-fewer",
        Orders,
        ("How many pieces are in order A102?", "Change the quantity of order A102 to 3."),
        (("change_quantity", {"number": "A102", "quantity": 3}),),
        ("4",),
    ),
    Episode("orders-too-late", Orders, ("Cancel order A101.",), ()),
)
