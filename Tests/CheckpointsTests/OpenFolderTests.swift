import Checkpoints
import Foundation
import Testing

struct OpenFolderTests {
  private func link(_ path: String, to target: String) throws {
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
  }

  @Test(arguments: [
    ("", ""), ("a", ""), ("a/", ""), (".", ""), ("ab", ""), ("/", "/"), ("/a", "/"), ("//a//", "/"),
    ("a/b", "a"), ("a/b/", "a"), ("a//b", "a"), ("/é/b", "/é"), ("./a", "."),
  ])
  func aPathWithoutItsLastName(path: String, expected: String) {
    #expect(path.parentPath == expected)
  }

  @Test func filesGoIntoTheFolderWhereverItIs() throws {
    let folder = try TemporaryFolder()
    let (before, after) = (folder.file("before"), folder.file("after"))
    try FileManager.default.createDirectory(atPath: before, withIntermediateDirectories: true)
    let held = try OpenFolder(before)
    #expect(held.isWhereItWas)
    let log = try GrowingFile(FileTarget("log", in: held), start: Data("a".utf8))
    try #require(rename(before, after) == 0)
    #expect(!held.isWhereItWas && !held.isRemoved && held.presentPath.hasSuffix("/after"))
    try log.append(Data("b".utf8))
    try WholeFile.write(Data("c".utf8), to: FileTarget("text", in: held))
    _ = try held.folder("deep/er", making: true)
    try HDF5Writer.write(to: FileTarget("deep/er/a.h5", in: held)) {
      try $0.write(ramp([3]), as: "x")
    }
    #expect(try contents(after + "/log") == Data("ab".utf8))
    #expect(try contents(after + "/text") == Data("c".utf8))
    #expect(try HDF5File(FileTarget("deep/er/a.h5", in: held)).read("x") == ramp([3]))
    #expect(held.names == ["deep", "log", "text"])
    #expect(try folder.names == ["after"])
    held.removeFolder("deep")
    #expect(held.names == ["log", "text"])
  }

  @Test func whatIsDeletedIsMissed() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let held = try OpenFolder(path)
    let log = try GrowingFile(FileTarget("log", in: held))
    unlink(path + "/log")
    #expect(
      failure { try log.append(Data("b".utf8)) }
        == "log: cannot be written: it was removed while it was in use")
    rmdir(path)
    #expect(held.isRemoved)
    for write in [
      { try WholeFile.write(Data(), to: FileTarget("text", in: held)) },
      { try HDF5Writer.write(to: FileTarget("x.h5", in: held)) { _ in } },
    ] {
      #expect(throws: CheckpointError.self) { try write() }
    }
    #expect(
      failure { try WholeFile.write(Data(), to: FileTarget("text", in: held)) }
        == "a: cannot be written: it was removed while it was in use")
  }

  /// Neither a link of the file's own name, nor one on the way, nor dots.
  @Test func linksAndDotsLeadNowhere() throws {
    let folder = try TemporaryFolder()
    for name in ["in", "out"] {
      try FileManager.default.createDirectory(
        atPath: folder.file(name), withIntermediateDirectories: true)
    }
    try Data("precious".utf8).write(to: URL(fileURLWithPath: folder.file("out/file")))
    try link(folder.file("in/file"), to: "../out/file")
    try link(folder.file("in/sub"), to: "../out")
    let held = try OpenFolder(folder.file("in"))
    let problem = "is a symbolic link, which is not followed here; remove it"
    #expect(
      failure { try WholeFile.write(Data(), to: FileTarget("file", in: held)) }
        == "file: \(problem)")
    #expect(failure { _ = try FileTarget("sub/new", in: held) } == "sub: \(problem)")
    #expect(failure { _ = try held.contents(of: "file", atMost: 100) } == "file: \(problem)")
    for name in ["../out/file", "sub/../../out/file", "./file/x"] {
      #expect(throws: CheckpointError.self) { try FileTarget(name, in: held) }
    }
    held.removeFolder("sub")
    held.removeFile("file")
    #expect(held.names == [])
    #expect(try contents(folder.file("out/file")) == Data("precious".utf8))
  }

  @Test func nothingIsReadBeforeItsSizeIsLookedAt() throws {
    let folder = try TemporaryFolder()
    let held = try OpenFolder(folder.path)
    #expect(try held.contents(of: "none", atMost: 10) == nil)
    try Data("0123456789".utf8).write(to: URL(fileURLWithPath: folder.file("ten")))
    #expect(try held.contents(of: "ten", atMost: 10) == Data("0123456789".utf8))
    #expect(
      failure { _ = try held.contents(of: "ten", atMost: 9) }
        == "ten: has 10 bytes, more than the limit of 9")
    mkfifo(folder.file("pipe"), 0o600)
    for name in ["pipe", "."] {
      #expect(throws: CheckpointError.self) { _ = try held.contents(of: name, atMost: 10) }
    }
    #expect(
      failure { _ = try sha256(ofFile: folder.file("pipe")) } == "pipe: is not a regular file")
  }

  @Test func identityIsThatOfTheFile() throws {
    let folder = try TemporaryFolder()
    try Data("a".utf8).write(to: URL(fileURLWithPath: folder.file("a")))
    try FileManager.default.linkItem(atPath: folder.file("a"), toPath: folder.file("hard"))
    try link(folder.file("soft"), to: "a")
    try Data("a".utf8).write(to: URL(fileURLWithPath: folder.file("copy")))
    let held = try OpenFolder(folder.path)
    let own = try #require(OpenFolder.Identity(ofPath: folder.file("a")))
    for name in ["a", "hard", "soft"] { #expect(held.identity(of: name) == own) }
    #expect(held.identity(of: "copy") != own && held.identity(of: "none") == nil)
    #expect(held.identitiesUpwards.first == held.identity)
    #expect(held.identitiesUpwards.contains(OpenFolder.Identity(ofPath: "/")!))
  }
}
