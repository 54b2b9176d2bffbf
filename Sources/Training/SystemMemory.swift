import Foundation

/// What the system says of memory, its own and this process'.
public enum SystemMemory {
    /// Bytes of the process in memory now; 0 where the system does not tell.
    public static var resident: Int { bytes("VmRSS", in: "/proc/self/status") ?? 0 }

    /// The most that there were since the start or the last `resetPeak`.
    public static var peakResident: Int { bytes("VmHWM", in: "/proc/self/status") ?? 0 }

    /// Bytes that all processes together can still take; nil where the system does not tell.
    public static var available: Int? { bytes("MemAvailable", in: "/proc/meminfo") }

    /// Begins another peak; of no effect where the system does not let it.
    public static func resetPeak() {
        guard let file = FileHandle(forWritingAtPath: "/proc/self/clear_refs") else { return }
        defer { try? file.close() }
        try? file.write(contentsOf: Data("5".utf8))
    }

    /// A line of the form `name: 123 kB`.
    private static func bytes(_ name: String, in path: String) -> Int? {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name + ":") }),
            let number = line.split(whereSeparator: { !$0.isNumber }).first, let kibibytes = Int(number)
        else { return nil }
        return kibibytes << 10
    }
}
