/// The exit codes of `murmur`, listed with their meaning in docs/operations.md.
public enum ExitCode: Int32, Sendable, CaseIterable {
    case success = 0
    /// A fault of our own, or one that no other code names.
    case internalError = 1
    /// The command line or the configuration is wrong.
    case usage = 2
    /// The dataset is missing, empty, or has too many unreadable images.
    case data = 3
    /// A checkpoint is missing, damaged, or of another configuration; or it could not be written.
    case checkpoint = 4
    /// A port is taken, the coordinator cannot be reached, or it fell silent.
    case network = 5
    /// A worker was lost and the run ended with it.
    case workerLost = 6
    /// Training itself failed: the loss is not a number, an operation of the model threw.
    case training = 7
    /// The coordinator refused this worker: other version, other run, unknown key.
    case refused = 8
    /// Stopped by SIGINT or SIGTERM after an orderly save.
    case interrupted = 130
}
