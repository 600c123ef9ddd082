import Foundation
import Manipulation

/// Shows a run in a browser of this machine, over HTTP on the loopback interface: one page, and no file. Who
/// does not know the address's random part gets nothing, be it another user of this machine or a page of
/// another site.
final class ReportServer: Sendable {
  private static let mostConnections = 16
  private static let largestRequest = 16 << 10
  /// Of a client that is silent.
  private static let patience = 5
  /// For a whole request.
  private static let longest = Duration.seconds(10)

  private let listener: Int32
  private let port: UInt16
  private let token: String
  private let run: LiveRun
  private let connections = DispatchSemaphore(value: mostConnections)

  /// - Parameters:
  ///   - run: what is shown.
  ///   - port: any that is free if 0.
  /// - Throws: `RunError` if the port cannot be had.
  init(_ run: LiveRun, port: UInt16) throws {
    self.run = run
    token = Self.random()
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var one: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let (listener, length) = (self.listener, size)
    let isBound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { place in
        bind(listener, place, length) == 0 && listen(listener, 16) == 0
          && getsockname(listener, place, &size) == 0
      }
    }
    guard listener >= 0, isBound else {
      let reason = String(cString: strerror(errno))
      if listener >= 0 { close(listener) }
      throw RunError(
        "127.0.0.1:\(port) cannot be served: \(reason); omit --port to take one that is free")
    }
    self.port = UInt16(bigEndian: address.sin_port)
  }

  /// What nobody can guess: 128 bits, in hexadecimal digits.
  private static func random() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<2).map { _ in
      let digits = String(generator.next() as UInt64, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  var address: String { "http://127.0.0.1:\(port)/\(token)/" }

  /// Answers until it is stopped, and then no more: a server serves once.
  func serve(until stop: StopRequest) {
    while !stop.isRequested {
      var waiting = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
      guard poll(&waiting, 1, 100) > 0 else { continue }
      let client = accept(listener, nil, nil)
      guard client >= 0 else { continue }
      guard connections.wait(timeout: .now()) == .success else {
        close(client)
        continue
      }
      Thread.detachNewThread { [self] in
        answer(client)
        close(client)
        connections.signal()
      }
    }
    close(listener)
  }

  // MARK: HTTP

  private func answer(_ client: Int32) {
    var patience = timeval(tv_sec: Self.patience, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
    setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, size)
    guard let request = Self.request(from: client) else { return }
    let lines = request.split(separator: "\r\n", omittingEmptySubsequences: false)
    let words = lines[0].split(separator: " ", omittingEmptySubsequences: false)
    let hosts = lines.dropFirst().filter { $0.lowercased().hasPrefix("host:") }
      .map { $0.dropFirst(5).trimmingCharacters(in: .whitespaces).lowercased() }
    // A page of another site can give this address a name of its own, which the browser then sends.
    guard words.count == 3, hosts == ["127.0.0.1:\(port)"] || hosts == ["localhost:\(port)"],
      Self.isSame(String(words[1]), "/\(token)/")
    else { return Self.send(client, "404 Not Found", []) }
    guard words[0] == "GET" || words[0] == "HEAD" else {
      return Self.send(client, "405 Method Not Allowed", ["Allow: GET, HEAD"])
    }
    let nonce = Self.random()
    guard let page = try? run.page(nonce: nonce) else {
      return Self.send(client, "503 Service Unavailable", ["Retry-After: 2"])
    }
    let script = page.isReport ? "'unsafe-inline'" : "'nonce-\(nonce)'"
    Self.send(
      client, "200 OK",
      [
        "Content-Type: text/html; charset=utf-8",
        "Content-Security-Policy: default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
          + "script-src \(script); connect-src 'self'; base-uri 'none'; form-action 'none'; "
          + "frame-ancestors 'none'",
      ], page.html, isHead: words[0] == "HEAD")
  }

  /// Compares without telling by its time how far two texts agree.
  private static func isSame(_ text: String, _ secret: String) -> Bool {
    let (own, other) = (Array(text.utf8), Array(secret.utf8))
    guard own.count == other.count else { return false }
    return zip(own, other).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }

  /// The head of a request; `nil` if it is none, or too long in coming.
  private static func request(from client: Int32) -> String? {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    let end = Array("\r\n\r\n".utf8)
    let begin = ContinuousClock.now
    while bytes.count < largestRequest, ContinuousClock.now - begin < longest {
      let count = recv(client, &piece, piece.count, 0)
      guard count > 0 else { return nil }
      let from = max(0, bytes.count - end.count)
      bytes += piece.prefix(count)
      if let head = bytes[from...].firstRange(of: end) {
        return String(decoding: bytes[..<head.lowerBound], as: UTF8.self)
      }
    }
    return nil
  }

  private static func send(
    _ client: Int32, _ status: String, _ headers: [String], _ body: Data = Data(),
    isHead: Bool = false
  ) {
    let head =
      ([
        "HTTP/1.1 \(status)", "Content-Length: \(body.count)", "Connection: close",
        "Cache-Control: no-store", "Referrer-Policy: no-referrer",
        "X-Content-Type-Options: nosniff", "X-Frame-Options: DENY",
        "Cross-Origin-Resource-Policy: same-origin", "Cross-Origin-Opener-Policy: same-origin",
      ] + headers).joined(separator: "\r\n") + "\r\n\r\n"
    var bytes = Data(head.utf8)
    if !isHead { bytes += body }
    bytes.withUnsafeBytes { all in
      var done = 0
      while done < all.count {
        let count = Foundation.send(
          client, all.baseAddress! + done, all.count - done, Int32(MSG_NOSIGNAL))
        guard count > 0 else { return }
        done += count
      }
    }
  }
}
