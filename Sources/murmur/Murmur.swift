import Configuration
import Foundation
import Runtime

/// The command: finds the subcommand, runs it, and turns what it throws into one line and an exit code.
@main
enum Murmur {
    static let version = "0.1.0"

    static var commands: [any Command.Type] {
        [
            TrainCommand.self, PlanCommand.self, CoordinatorCommand.self, WorkerCommand.self, EvalKNNCommand.self,
            EmbedCommand.self, ExportCommand.self, MethodsCommand.self, LossCommand.self, BenchAllReduceCommand.self,
            BenchAllGatherCommand.self, BenchReduceScatterCommand.self, BenchBroadcastCommand.self,
            BenchAllToAllCommand.self, BenchBarrierCommand.self, BenchLossCommand.self, BenchAugmentCommand.self,
            HashCommand.self, ConfigurationCommand.self, KeygenCommand.self,
        ]
    }

    static func main() {
        // A reader that went away (`murmur … | head`) is an error of the write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        do {
            exit(try run(Array(CommandLine.arguments.dropFirst())))
        } catch {
            Logger.command.line("\(error)")
            exit(Runtime.ExitCode(for: error).rawValue)
        }
    }

    private static func run(_ words: [String]) throws -> Int32 {
        guard let first = words.first, !["--help", "-h", "help"].contains(first) else {
            print(overview)
            return words.isEmpty ? Runtime.ExitCode.usage.rawValue : 0
        }
        if first == "--version" {
            print("murmur \(version)")
            return 0
        }
        guard let command = commands.first(where: { words.starts(with: $0.syntax.words) }) else {
            throw unknown(words)
        }
        let rest = Array(words.dropFirst(command.syntax.words.count))
        if rest.contains("--help") || rest.contains("-h") {
            print(command.help)
            return 0
        }
        return try command.run(try Arguments(rest, for: command.syntax))
    }

    private static func unknown(_ words: [String]) -> Failure {
        let names = commands.map { $0.syntax.name }
        let inside = names.filter { $0.hasPrefix(words[0] + " ") }
        if !inside.isEmpty {
            return Failure(
                .usage, "murmur \(words[0]) needs one of: \(inside.map { "murmur \($0)" }.joined(separator: ", "))")
        }
        let hint = Suggestions.nearest(to: words[0], in: names).first.map { "; did you mean 'murmur \($0)'?" } ?? ""
        return Failure(.usage, "there is no command '\(words[0])'\(hint) (see murmur --help)")
    }

    private static var overview: String {
        let width = (commands.map { $0.syntax.name.count }.max() ?? 0) + 2
        let lines = commands.map { command in
            let name = command.syntax.name
            return "  \(name)\(String(repeating: " ", count: width - name.count))\(command.syntax.summary)"
        }
        return """
            Murmuration \(version): contrastive self-supervised image learning on many processes and machines.

            usage: murmur COMMAND …      (murmur COMMAND --help tells more)

            \(lines.joined(separator: "\n"))

            Exit codes: 0 done, 2 usage or configuration, 3 data, 4 checkpoint or disk, 5 network, 6 a worker was lost,
            7 training failed, 8 refused by the coordinator, 130 stopped, 1 anything else.
            """
    }
}

/// One subcommand.
protocol Command {
    static var syntax: CommandSyntax { get }
    /// Does the work and returns the exit code.
    static func run(_ arguments: Arguments) throws -> Int32
}

extension Command {
    static var help: String { syntax.help }
}

extension CommandSyntax {
    /// The words that choose this command.
    var words: [String] { name.split(separator: " ").map(String.init) }
}
