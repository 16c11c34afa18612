"""The committee's protocol: a pure state machine from events to effects."""
