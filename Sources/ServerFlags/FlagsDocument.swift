/// The document on every flag of both servers.
public enum FlagsDocument {
  /// The text of `docs/flags.md`.
  public static var markdown: String {
    """
    # Flags of the servers

    Flags have the names, rules and defaults of Apache Mesos 1.11: `--flag=value`, `--flag` and `--no-flag` for booleans, `MESOS_FLAG` in the
    environment (the command line wins), and `file:///path` for a value kept in a file. A flag that has no effect yet gives a warning; one that
    somebody would rely on for safety keeps the server from starting.

    \(MasterFlags.table.markdown)
    \(AgentFlags.table.markdown)
    """
  }
}
