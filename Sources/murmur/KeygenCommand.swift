import Runtime

enum KeygenCommand: Command {
    static let syntax = CommandSyntax(
        "keygen", "Make a key pair for a worker of its own.",
        options: [OptionSyntax("--out", "FILE", "the key file (mode 0600); the public key is printed")],
        discussion: "Put the printed public key into the file that the coordinator gets as --allow.")

    static func run(_ arguments: Arguments) throws -> Int32 {
        print(try KeyFile.generate(path: arguments.required("--out")))
        return 0
    }
}
