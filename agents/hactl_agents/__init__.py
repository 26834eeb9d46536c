"""OCF resource agents for virtualisation clusters: one module per agent, on one small runtime."""
