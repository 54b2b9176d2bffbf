import Glibc

/// What two processes have in common if they can share memory and see each other by process id.
struct HostIdentity: BitwiseCopyable, Equatable {
    /// The kernel's boot id, which no two running kernels share.
    private var boot: (UInt64, UInt64)
    /// Processes in different network namespaces count as different hosts, as in tests that make hosts of namespaces.
    private var networkNamespace: UInt64
    private var processNamespace: UInt64
    private var user: UInt64

    /// This process'.
    static func own() -> HostIdentity {
        HostIdentity(
            boot: bootID(), networkNamespace: inode("/proc/self/ns/net"), processNamespace: inode("/proc/self/ns/pid"),
            user: UInt64(geteuid()))
    }

    static func == (left: HostIdentity, right: HostIdentity) -> Bool {
        left.boot == right.boot && left.networkNamespace == right.networkNamespace
            && left.processNamespace == right.processNamespace && left.user == right.user
    }

    /// Cores of this machine.
    static var cores: Int { sysconf(Int32(_SC_NPROCESSORS_ONLN)) }

    /// Whether both run on one kernel, whatever they see of each other.
    func isOnMachine(of other: HostIdentity) -> Bool { boot == other.boot }

    private static func inode(_ path: String) -> UInt64 {
        var status = stat()
        return stat(path, &status) == 0 ? UInt64(status.st_ino) : 0
    }

    private static func bootID() -> (UInt64, UInt64) {
        let descriptor = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return (0, 0) }
        defer { Glibc.close(descriptor) }
        var text = [UInt8](repeating: 0, count: 64)
        let count = read(descriptor, &text, text.count)
        let digits = text.prefix(max(count, 0)).compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        func number(_ digits: ArraySlice<Int>) -> UInt64 { digits.reduce(0) { $0 << 4 | UInt64($1) } }
        return (number(digits.prefix(16)), number(digits.dropFirst(16).prefix(16)))
    }
}
