// Loaded instead of the agent by the runs without the agent.
