import ClusterTestKit
import Collectives
import Dispatch
import Runtime
import Testing

@Suite("Trace recorder")
struct TraceRecorderTests {
    let fixture = TraceFixture()

    private func recorders(_ count: Int, limit: Int = 1000) -> [TraceRecorder] {
        (0..<count).map { _ in TraceRecorder(file: fixture.file(), limit: limit) }
    }

    @Test func collectivesLieInTheirPhases() throws {
        try fixture.generation(1, recorders(3)) { recorder, communicator in
            for step in 1...2 {
                recorder.entered("forward", step: step)
                try sum(100, over: communicator)
                recorder.entered("reduce", step: step)
                try sum(200, over: communicator)
            }
        }
        let events = try fixture.timed()
        for rank in 0..<3 {
            let own = events.filter { $0.rank == rank }
            #expect(
                own.map(\.name)
                    == Array(repeating: ["forward", "all-reduce", "reduce", "all-reduce"], count: 2).flatMap { $0 })
            #expect(own.compactMap { $0.arguments["bytes"] as? Int } == [400, 800, 400, 800])
            #expect(own.map { $0.arguments["step"] as? Int } == [1, 1, 1, 1, 2, 2, 2, 2])
            for index in stride(from: 0, to: own.count, by: 2) {
                #expect(own[index].contains(own[index + 1]))
                #expect(own[index + 1].arguments["algorithm"] as? String == "recursive doubling")
                if index + 2 < own.count {
                    #expect(own[index].end == own[index + 2].start, "a phase ends with the next")
                }
            }
        }
    }

    @Test func aCollectiveMadeOfOthersHoldsThem() throws {
        try fixture.generation(1, recorders(2)) { _, communicator in
            communicator.observer?.began("outer", bytes: 7)
            try sum(1, over: communicator)
            communicator.observer?.proceeds(by: "first")
            communicator.observer?.proceeds(by: "second")
            try sum(1, over: communicator)
            communicator.observer?.ended()
        }
        let own = try fixture.timed().filter { $0.rank == 1 }
        try #require(own.map(\.name) == ["outer", "all-reduce", "all-reduce"])
        #expect(own[0].contains(own[1]) && own[0].contains(own[2]) && own[1].end <= own[2].start)
        #expect(own[0].arguments["algorithm"] as? String == "first + second")
    }

    @Test func clocksThatDifferAreBroughtTogether() throws {
        let hour: Int64 = 3_600_000_000_000
        let recorders = (0..<3).map { rank in
            TraceRecorder(file: fixture.file()) {
                Int64(DispatchTime.now().uptimeNanoseconds) + Int64(1 - rank) * hour
            }
        }
        try fixture.generation(1, recorders) { recorder, communicator in
            for step in 1...5 {
                recorder.entered("reduce", step: step)
                try sum(10, over: communicator)
            }
        }
        let errors = try fixture.labels().map { try #require($0["clock_error_ns"] as? Int) }
        #expect(errors[0] == 0)
        let reduces = try (0..<3).map { rank in
            try fixture.timed().filter { $0.rank == rank && $0.name == "all-reduce" }
        }
        for (own, error) in zip(reduces, errors) {
            for (one, other) in zip(reduces[0], own) {
                #expect(one.start <= other.end + error && other.start <= one.end + error)
            }
        }
    }

    @Test func aSecondThreadHasALaneOfItsOwn() throws {
        let buckets = InMemoryNetwork(size: 2)
        try fixture.generation(1, recorders(2)) { recorder, communicator in
            let second = Communicator(link: buckets.link(rank: communicator.rank))
            recorder.attach(second, to: "buckets")
            recorder.entered("backward", step: 4)
            try sum(5, over: second)
            try sum(6, over: communicator)
        }
        let events = try fixture.events()
        let names = events.filter { $0.name == "thread_name" && $0.rank == 1 }
        #expect(names.map { $0.arguments["name"] as? String } == ["training", "buckets"])
        let lanes = events.filter { $0.name == "all-reduce" && $0.rank == 1 }
        #expect(Set(lanes.map(\.lane)) == Set(names.map(\.lane)))
        #expect(lanes.allSatisfy { $0.arguments["step"] as? Int == 4 })
    }

    @Test func whatFindsNoRoomIsCountedAndTold() throws {
        let warning = try fixture.generation(1, recorders(2, limit: 4)) { recorder, communicator in
            for step in 1...3 {
                recorder.entered("reduce", step: step)
                try sum(1, over: communicator)
            }
        }
        #expect(warning?.contains("lacks 4 events") == true && warning?.contains("\n") == false, "\(warning ?? "")")
        #expect(try fixture.labels().map { $0["dropped_events"] as? Int } == [2, 2])
        #expect(try fixture.timed().count == 8)
    }

    @Test func muchIsGatheredInParts() throws {
        let many = 30_000
        let warning = try fixture.generation(1, recorders(3, limit: many)) { _, communicator in
            for _ in 0..<communicator.rank * many / 2 {
                communicator.observer?.began("a \"quoted\" name", bytes: 1)
                communicator.observer?.ended()
            }
        }
        #expect(warning == nil)
        let events = try fixture.timed()
        #expect((0..<3).map { rank in events.count { $0.rank == rank } } == [0, many / 2, many])
        #expect(events.allSatisfy { $0.name == "a \"quoted\" name" })
    }

    @Test func generationsAccumulateAlsoWhereRankZeroChanges() throws {
        let all = recorders(3)
        try fixture.generation(1, all) { recorder, _ in recorder.entered("load", step: 1) }
        try fixture.generation(2, [all[2], all[1]]) { recorder, _ in recorder.entered("load", step: 2) }
        #expect(try fixture.labels().map { $0["generation"] as? Int } == [1, 1, 1, 2, 2])
        #expect(try fixture.timed().map { $0.arguments["step"] as? Int } == [1, 1, 1, 2, 2])
    }

    @Test func ofAGenerationThatFailsRankZeroKeepsItsOwn() throws {
        let all = recorders(2)
        _ = InMemoryNetwork(size: 2).run(hosts: nil) { communicator, _ in
            let recorder = all[communicator.rank]
            try recorder.beginGeneration(1, over: communicator)
            recorder.attach(communicator)
            recorder.entered("reduce", step: 9)
            communicator.observer?.began("all-reduce", bytes: 1)
        }
        for recorder in all.reversed() { try recorder.writeUnfinished() }
        let events = try fixture.timed()
        #expect(events.map(\.name) == ["reduce", "all-reduce"] && events.allSatisfy { $0.rank == 0 })
        #expect(events.last?.arguments["algorithm"] as? String == "unfinished")
        let before = try fixture.events().count
        try all[0].writeUnfinished()
        #expect(try fixture.events().count == before, "what is written is not written again")
    }
}
