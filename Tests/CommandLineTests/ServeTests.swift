import Foundation
import Testing

/// `trompe report --serve`, as browsers and others that reach this machine see it.
@Suite(.serialized) struct ServeTests {
  /// The folder of a run that was stopped after a validation.
  private func stoppedRun(in folder: TemporaryFolder) throws -> (path: String, again: [String]) {
    let output = folder.url.path + "/run"
    let arguments = SmallRun.fool(
      output, steps: 200,
      [
        "--set", "data.shapes.validation=20", "--set", "report.images=2",
        "--set", "evaluation.interpreters=[]", "--set", "training.validateEvery=2",
      ])
    let stopped = try CommandLineProgram.run(list: arguments) { process in
      for _ in 0..<6000 {
        let live = try? String(contentsOfFile: output + "/live.json", encoding: .utf8)
        if live.map({ !$0.contains("\"step\":0,") }) == true { break }
        Thread.sleep(forTimeInterval: 0.005)
      }
      process.interrupt()
    }
    #expect(stopped.code == 130, "\(stopped.error)")
    return (output, arguments + ["--resume"])
  }

  @Test func aRunIsShownUntilItHasItsReport() throws {
    let folder = try TemporaryFolder()
    let (run, again) = try stoppedRun(in: folder)
    let server = try Server(run)
    let page = try server.get(server.path)
    #expect(page.status == 200 && page.body.contains("<body class=\"live\">"))
    #expect(page.body.contains("of 200, loss") && page.body.contains("Heatmaps after step"))
    // Eight images, each with the heatmaps of both networks.
    #expect(page.body.components(separatedBy: "<img ").count == 1 + 8 * 3)
    let nonce = try #require(page.body.firstMatch(of: /<script nonce="([0-9a-f]{32})">/)?.1)
    let policy = try #require(page.headers["content-security-policy"])
    #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"))
    #expect(policy.contains("script-src 'nonce-\(nonce)';"))
    #expect(page.headers["cache-control"] == "no-store")
    #expect(try !server.get(server.path).body.contains(nonce))
    #expect(try server.get(server.path, method: "HEAD").body == "")

    #expect(try CommandLineProgram.run(list: again).code == 0)
    let report = try server.get(server.path)
    #expect(try report.body == String(contentsOfFile: run + "/report.html", encoding: .utf8))
    #expect(!FileManager.default.fileExists(atPath: run + "/live.json"))

    let (code, error) = server.end()
    #expect(code == 0 && error == "")
  }

  @Test func whoDoesNotKnowTheAddressGetsNothing() throws {
    let folder = try TemporaryFolder()
    try folder.write("fooling: {}\n", to: "recipe.yaml")
    let server = try Server(folder.url.path)
    let own = server.path
    #expect(try server.get(own).status == 200)
    #expect(try server.get(own, host: "LOCALHOST:\(server.port)").status == 200)

    let wrong = own.replacing(/[0-9a-f]\/$/) { $0.output.first == "0" ? "1/" : "0/" }
    let paths = [
      "/", "", wrong, String(own.dropLast()), own + "recipe.yaml", own + "../recipe.yaml",
      "/recipe.yaml", "http://127.0.0.1:\(server.port)\(own)", own.uppercased() + "?",
    ]
    for path in paths { #expect(try server.get(path).status == 404, "\(path)") }
    // A name of another site that leads here, no name, and two.
    for host in ["example.com:\(server.port)", "127.0.0.1", "127.0.0.1:1", "", nil] {
      #expect(try server.get(own, host: host).status == 404, "\(host ?? "none")")
    }
    let two = "127.0.0.1:\(server.port)\r\nHost: example.com"
    #expect(try server.get(own, host: two).status == 404)
    #expect(try server.get(own, method: "POST").status == 405)
    #expect(try server.get("/", method: "POST").status == 404)
    #expect(try server.get(wrong).body == "")
    // Listening at one address, not at all that this machine has.
    #expect(throws: Server.Refused.self) { try server.get(own, at: "127.0.0.2") }

    let taken = try CommandLineProgram.run(
      "report", folder.url.path, "--serve", "--port", "\(server.port)")
    #expect(taken.code == 1 && taken.error.contains("127.0.0.1:\(server.port) cannot be served"))
    #expect(taken.error.contains("omit --port"))
    #expect(server.end().code == 0)
  }

  @Test func silentClientsAreNotWaitedFor() throws {
    let folder = try TemporaryFolder()
    try folder.write("fooling: {}\n", to: "recipe.yaml")
    let server = try Server(folder.url.path)
    let silent = try (0..<8).map { _ in try server.connect() }
    defer { for client in silent { close(client) } }
    #expect(try server.get(server.path).status == 200)
    #expect(server.end().code == 0)
  }

  @Test func onlyARunIsServed() throws {
    let folder = try TemporaryFolder()
    let none = try CommandLineProgram.run("report", folder.url.path, "--serve")
    #expect(none.code == 1 && none.error.contains("\(folder.url.path) holds no run"))
    let refused = [
      (["a", "b", "--serve"], "--serve shows one run, and 2 are given."),
      (["a", "--serve", "--output", "x.html"], "give --serve or --output, not both"),
      (["a", "--port", "80"], "--port is of use with --serve only."),
    ]
    for (arguments, message) in refused {
      let result = try CommandLineProgram.run(list: ["report"] + arguments)
      #expect(result.code == 64 && result.error.contains(message), "\(result.error)")
    }
  }
}

/// The program while it serves, and its only client.
private final class Server {
  struct Refused: Error {}
  struct Answer {
    var status = 0
    var headers: [String: String] = [:]
    var body = ""
  }

  let port: UInt16
  let path: String
  private let process = Process()
  private let error = Pipe()

  init(_ folder: String) throws {
    let output = Pipe()
    process.executableURL = CommandLineProgram.products.appendingPathComponent("trompe")
    process.arguments = ["report", folder, "--serve"]
    process.standardOutput = output
    process.standardError = error
    try process.run()
    let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    let address = try #require(
      line.firstMatch(of: /http:\/\/127\.0\.0\.1:([0-9]+)(\/[0-9a-f]{32}\/) until Ctrl-C\n/),
      "\(line)")
    port = try #require(UInt16(address.1))
    path = String(address.2)
  }

  deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

  /// As Ctrl-C does.
  func end() -> (code: Int32, error: String) {
    process.interrupt()
    process.waitUntilExit()
    let text = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    return (process.terminationStatus, text)
  }

  func connect(_ host: String = "127.0.0.1") throws -> Int32 {
    let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = inet_addr(host)
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else {
      close(client)
      throw Refused()
    }
    return client
  }

  /// - Parameter host: as the client calls it; not said if `nil`.
  func get(
    _ target: String, method: String = "GET", host: String?? = .none, at place: String = "127.0.0.1"
  ) throws -> Answer {
    let client = try connect(place)
    defer { close(client) }
    let name = host ?? "127.0.0.1:\(port)"
    let request =
      "\(method) \(target) HTTP/1.1\r\n" + (name.map { "Host: \($0)\r\n" } ?? "") + "\r\n"
    _ = request.withCString { send(client, $0, strlen($0), Int32(MSG_NOSIGNAL)) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = recv(client, &piece, piece.count, 0), count > 0 {
      bytes += piece.prefix(count)
    }
    let text = String(decoding: bytes, as: UTF8.self)
    let end = try #require(text.range(of: "\r\n\r\n"), "\(text)")
    let lines = text[..<end.lowerBound].components(separatedBy: "\r\n")
    var answer = Answer(body: String(text[end.upperBound...]))
    answer.status = Int(lines[0].split(separator: " ")[1]) ?? 0
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      answer.headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
    }
    return answer
  }
}
