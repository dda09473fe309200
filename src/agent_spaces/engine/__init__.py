"""One database: tables, transactions, subscriptions and storage."""
