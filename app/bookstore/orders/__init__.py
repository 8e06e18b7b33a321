"""Orders: buy with a payment and a shipment, and keep the history of both."""
