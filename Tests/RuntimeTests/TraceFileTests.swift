import Foundation
import Runtime
import Testing

@Suite("Trace file")
struct TraceFileTests {
    let fixture = TraceFixture()

    private func event(_ name: String) -> [UInt8] { Array(#"{"name":"\#(name)","ph":"M","pid":0,"tid":0}"#.utf8) }

    @Test func isValidFromTheStartAndGrows() throws {
        try fixture.file().create()
        #expect(try fixture.events().isEmpty)
        try fixture.file().append([event("a"), [], event("b")])
        try fixture.file().append([])
        try fixture.file().append([event("c")])
        #expect(try fixture.events().map(\.name) == ["a", "b", "c"])
    }

    @Test func doesNotGoOnWithAnotherRunsOrADamagedOne() throws {
        try fixture.file(run: 1).append([event("a")])
        try fixture.file(run: 2).append([event("b")])
        #expect(try fixture.events().map(\.name) == ["b"])
        let whole = try #require(FileManager.default.contents(atPath: fixture.path))
        try whole.dropLast(1).write(to: URL(fileURLWithPath: fixture.path))
        try fixture.file(run: 2).append([event("c")])
        #expect(try fixture.events().map(\.name) == ["c"])
    }

    @Test func namesAPathThatCannotBeWritten() throws {
        let path = fixture.path + "/nowhere/out.json"
        let failure = #expect(throws: Failure.self) { try TraceFile(path: path, runID: 1).append([event("a")]) }
        #expect(failure?.code == .checkpoint && failure?.description.contains(path) == true)
    }
}
