/// Exit codes that the coordination of a run gives; a job adds its own through `failed`.
public enum ExitCode {
    /// Done, or left as asked.
    public static let success: Int32 = 0
    /// No cluster: the coordinator is out of reach or refused, or too few workers came.
    public static let noCluster: Int32 = 5
    /// A worker of the ring was lost.
    public static let workerLost: Int32 = 6
    /// The members of a ring contradict each other: a mistake of this program.
    public static let inconsistent: Int32 = 70
    /// Stopped from outside (SIGINT or SIGTERM), the state saved if there was time.
    public static let stopped: Int32 = 130
}
