import CHDF5
import Foundation
import TensorGraph

/// How much a file may ask of us before it is refused.
public struct HDF5Limits: Hashable, Sendable {
  /// Groups inside groups.
  public var depth = 32
  /// Links in all groups together.
  public var links = 100_000
  /// Elements of one dataset; 2³¹ floats are 8 GiB, fifteen times the largest VGG.
  public var elements = 1 << 31
  /// Bytes of one attribute.
  public var attributeBytes = 64 << 20

  public init() {}
}

/// An HDF5 file opened for reading.
///
/// A file may come from anywhere, so it is checked whole when it is opened: it may not refer to other
/// files (external links, external storage, virtual datasets), may not be cyclic, may use no filter
/// but deflate, shuffle and Fletcher-32, and each dataset's size must be backed by bytes that are
/// there. Soft links are refused too: they may lead through anything.
///
/// All methods may be called from any thread; they take turns in the HDF5 library.
public final class HDF5File: TensorContainer {
  public let path: String
  public let tensors: [StoredTensor]
  /// Names of all groups but the root, sorted.
  public let groups: [String]
  let limits: HDF5Limits
  let identifier: hid_t

  /// - Throws: `CheckpointError` if there is no such file, it is no HDF5 file, it is damaged, or it
  ///   does one of the things above.
  public init(path: String, limits: HDF5Limits = HDF5Limits()) throws {
    let size = try Self.checkSignature(path: path)
    let opened = try HDF5Library.alone {
      let access = try HDF5Handle.open(
        H5Pcreate(hdf5_file_access_class()), path: path, failing: "cannot be opened")
      // Only this file by plain reads, whatever driver its header asks for, and no lock: read-only
      // folders and network file systems may refuse locks.
      H5Pset_fapl_sec2(access.identifier)
      H5Pset_file_locking(access.identifier, false, true)
      H5Pset_fclose_degree(access.identifier, H5F_CLOSE_STRONG)
      let file = H5Fopen(path, hdf5_open_read_only(), access.identifier)
      guard file >= 0 else {
        throw CheckpointError(
          path: path, "cannot be opened, it is damaged or incomplete\(HDF5Library.reason())")
      }
      do {
        var walk = HDF5Walk(path: path, limits: limits, fileSize: size)
        let root = try HDF5Handle.open(
          H5Gopen2(file, "/", 0), path: path, failing: "has no readable root group")
        try walk.visit(group: root.identifier, name: "", depth: 0)
        return (file, walk.tensors, walk.groups)
      } catch {
        H5Fclose(file)
        throw error
      }
    }
    self.path = path
    self.limits = limits
    identifier = opened.0
    tensors = opened.1.sorted { $0.name < $1.name }
    groups = opened.2.sorted()
  }

  deinit {
    let identifier = identifier
    HDF5Library.alone { _ = H5Fclose(identifier) }
  }

  public func read(_ name: String, into buffer: UnsafeMutableBufferPointer<Float>) throws {
    let stored = try find(name)
    precondition(
      buffer.count == stored.shape.count,
      "\(buffer.count) floats of memory for \(name) of shape \(stored.shape)")
    guard stored.elementType.isFloat || stored.elementType.isInteger else {
      throw CheckpointError(
        path: path, dataset: name, "has elements of type \(stored.elementType), expected floats")
    }
    try read(stored, as: hdf5_native_float(), into: buffer.baseAddress)
  }

  public func readIntegers(_ name: String) throws -> [Int64] {
    let stored = try find(name)
    guard stored.elementType.isInteger else {
      throw CheckpointError(
        path: path, dataset: name, "has elements of type \(stored.elementType), expected integers")
    }
    return try [Int64](unsafeUninitializedCapacity: stored.shape.count) { buffer, count in
      try read(stored, as: hdf5_native_int64(), into: buffer.baseAddress)
      count = stored.shape.count
    }
  }

  private func find(_ name: String) throws -> StoredTensor {
    guard let stored = tensor(named: name) else {
      throw CheckpointError(path: path, dataset: name, "is missing")
    }
    return stored
  }

  private func read(
    _ stored: StoredTensor, as type: @autoclosure () -> hid_t, into memory: UnsafeMutableRawPointer?
  ) throws {
    guard stored.shape.count > 0 else { return }
    try HDF5Library.alone {
      let dataset = try HDF5Handle.open(
        H5Dopen2(identifier, "/" + stored.name, 0), path: path, dataset: stored.name,
        failing: "cannot be opened")
      // With a memory space of our own, the library refuses a dataset that has another count.
      var count = hsize_t(stored.shape.count)
      let space = try HDF5Handle.open(
        H5Screate_simple(1, &count, nil), path: path, dataset: stored.name,
        failing: "cannot be read")
      guard H5Dread(dataset.identifier, type(), space.identifier, 0, 0, memory) >= 0 else {
        throw CheckpointError(
          path: path, dataset: stored.name, "cannot be read\(HDF5Library.reason())")
      }
    }
  }

  /// Size of the file in bytes, if it is one and starts as HDF5 files do.
  private static func checkSignature(path: String) throws -> Int {
    guard !path.utf8.contains(0) else {
      throw CheckpointError(path: path, "is no file name")
    }
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw CheckpointError(path: path, "cannot be opened: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw CheckpointError(path: path, "is not a regular file")
    }
    // The format allows a user's block of 512, 1024, 2048, ... bytes before the signature.
    let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]
    var bytes = [UInt8](repeating: 0, count: signature.count)
    var offset = 0
    while offset + bytes.count <= Int(status.st_size) {
      if pread(descriptor, &bytes, bytes.count, off_t(offset)) == bytes.count, bytes == signature {
        return Int(status.st_size)
      }
      offset = offset == 0 ? 512 : 2 * offset
    }
    throw CheckpointError(path: path, "is not an HDF5 file")
  }
}
