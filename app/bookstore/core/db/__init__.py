"""The database: connections, transactions, the schema, and the lock that keeps changes apart."""
