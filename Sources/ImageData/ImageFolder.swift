import Foundation

/// Images in ImageNet's layout: `root/class/image.jpg`, also in folders below `class`.
///
/// Classes are the folders in alphabetical (byte) order, samples are ordered by class, then by folder
/// and by file name. Only names are held; an image is read on demand. Names are the bytes
/// that the file system gave, UTF-8 or not. Symbolic links are followed, hidden names omitted. A link
/// to a folder that it lies in, however far up, is omitted and listed in `passedOver`: all images
/// would count again. A link to a folder that counts under another name is followed, and `notes` names
/// both.
///
/// Every file that has an image's extension or begins as one is a sample. If it then cannot be
/// decoded, or is of a format that is not read, whoever reads it learns so. All other files are listed
/// in `passedOver`.
public struct ImageFolder: ImageSource {
  public let root: String
  public let classNames: [String]
  public let passedOver: [SkippedImage]
  public let notes: [String]
  private let labels: [Int32]
  /// Paths from `root` one after the other, and where each begins.
  private let names: [UInt8]
  private let starts: [Int]

  /// Folders below a class folder.
  static let deepestFolder = 16

  /// Lists the folder.
  /// - Parameters:
  ///   - root: path of the folder.
  ///   - explicitNames: the classes a label counts in, in order. A folder is the class whose name is
  ///     canonically equivalent to its own, or that of ImageNet which has its name as identifier or
  ///     label (`ImageNetClasses`). A folder that is none of them is an error, a class without a
  ///     folder is not. The folders themselves when `nil`.
  /// - Throws: `ImageError` when the folder is missing or unreadable, holds no class folder, a
  ///   class folder holds no image, or two folders are one class.
  public init(_ root: String, classNames explicitNames: [String]? = nil) throws(ImageError) {
    let path = FilePath(root)
    let entries = try FolderEntry.visible(in: path)
    var listing = Listing(root: path)
    let folders = entries.filter { $0.kind == .folder && !listing.leadsBack($0) }
    guard !folders.isEmpty else {
      throw ImageError(
        path: root, reason: "holds no class folders; the layout is folder/class/image.jpg")
    }
    let names = explicitNames ?? folders.map { FilePath.text($0.name) }
    let lookup = ClassLookup(names)
    for entry in entries where entry.kind != .folder {
      if ImageFormat.extensions.contains(entry.fileExtension) {
        listing.passOver([entry.name], "lies beside the class folders, so it has no class")
      }
    }
    var folderOfLabel: [Int: [UInt8]] = [:]
    for folder in folders {
      let name = FilePath.text(folder.name)
      let label: Int
      switch lookup.label(of: name) {
      case .one(let found): label = found
      case .none:
        throw ImageError(
          path: "\(root)/\(name)",
          reason: "this folder is none of the \(names.count) classes given "
            + "(\(ClassLookup.excerpt(names))); network.classNames names the class of each output")
      case .several(let first, let second):
        // Of names that come from the folders, two are equal after normalisation alone.
        if explicitNames == nil {
          throw Self.sameClass(folders[first].name, folders[second].name, name, root)
        }
        throw ImageError(
          path: "\(root)/\(name)",
          reason: "this folder is the class of output \(first) and of output \(second); give every "
            + "output a name of its own by network.classNames")
      }
      if let other = folderOfLabel.updateValue(folder.name, forKey: label) {
        throw Self.sameClass(other, folder.name, names[label], root)
      }
      let before = listing.starts.count
      try listing.add(folder)
      guard listing.starts.count > before else {
        throw ImageError(
          path: "\(root)/\(name)",
          reason: "this class folder holds no image; \(ImageFormat.readable)")
      }
      listing.labels += [Int32](
        repeating: Int32(label), count: listing.starts.count - before)
    }
    self.root = root
    self.classNames = names
    (labels, self.names, starts) = (listing.labels, listing.names, listing.starts)
    passedOver = listing.passedOver
    notes =
      listing.notes + (explicitNames == nil ? [Self.doubt(ofOrder: names)].compactMap(\.self) : [])
  }

  /// What to say of an order of classes that may not be the outputs': a sentence, or `nil`.
  private static func doubt(ofOrder names: [String]) -> String? {
    func sentence(_ other: [String], _ what: String) -> String? {
      guard let place = names.indices.first(where: { names[$0] != other[$0] }) else { return nil }
      return
        "the class folders are taken in the order of their bytes, so class \(place) is "
        + "\"\(names[place])\"; \(what) it would be \"\(other[place])\". If the network's outputs "
        + "have another order, say it with network.classNames"
    }
    let numbers = names.compactMap { Int($0) }
    if numbers.count == names.count {
      let sorted = names.indices.sorted { numbers[$0] < numbers[$1] }.map { names[$0] }
      return sentence(sorted, "in the order of the numbers")
    }
    return sentence(
      names.sorted { ($0.lowercased(), $0) < ($1.lowercased(), $1) }, "with case ignored")
  }

  /// Canonically equivalent names look alike; their bytes do not.
  private static func sameClass(
    _ first: [UInt8], _ second: [UInt8], _ name: String, _ root: String
  ) -> ImageError {
    ImageError(
      path: root,
      reason: "the folders \(quoted(first)) and \(quoted(second)) are one class, \"\(name)\"; put "
        + "their images into one folder")
  }

  /// A name with its bytes beyond ASCII spelled out.
  private static func quoted(_ name: [UInt8]) -> String {
    let bytes = name.map { byte in
      byte < 0x80
        ? String(UnicodeScalar(byte)) : "\\x" + String(byte, radix: 16, uppercase: true)
    }
    return "\"\(bytes.joined())\""
  }

  public var count: Int { starts.count }

  public func label(at index: Int) -> Int { Int(labels[index]) }

  public func name(at index: Int) -> String { path(at: index).description }

  public func image(at index: Int) throws -> Image { try Image(contentsOf: path(at: index)) }

  /// Size of the image's file; `nil` if there is none.
  public func byteCount(at index: Int) -> Int? {
    var status = stat()
    return path(at: index).withCString { stat($0, &status) } == 0 ? Int(status.st_size) : nil
  }

  private func path(at index: Int) -> FilePath {
    let end = index + 1 < starts.count ? starts[index + 1] : names.count
    return FilePath(root).appending(Array(names[starts[index]..<end]))
  }
}

extension ImageFolder {
  /// Paths of all images in a folder and its folders, whatever their classes, in byte order.
  /// - Throws: `ImageError` when the folder is missing or unreadable, or the name of an image is not
  ///   UTF-8, so that no text can be its path.
  public static func images(below root: String) throws(ImageError) -> [String] {
    var listing = Listing(root: FilePath(root))
    try listing.addAll()
    var paths: [String] = []
    for index in listing.starts.indices {
      let end = index + 1 < listing.starts.count ? listing.starts[index + 1] : listing.names.count
      let path = FilePath(root).appending(Array(listing.names[listing.starts[index]..<end]))
      guard let text = String(validating: path.bytes, as: UTF8.self) else {
        throw ImageError(
          path: path.description, reason: "its name is not UTF-8 (shown with \\x); rename it")
      }
      paths.append(text)
    }
    return paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}

/// What was found so far.
private struct Listing {
  let root: FilePath
  var labels: [Int32] = []
  var names: [UInt8] = []
  var starts: [Int] = []
  var passedOver: [SkippedImage] = []
  /// The root and all around it.
  private let aroundRoot: Set<FolderIdentity>
  /// By what names folders were listed first, from the root, and whether the last is a link's.
  private var listed: [FolderIdentity: (path: [[UInt8]], isLink: Bool)] = [:]
  /// Names of one and the same folder.
  private var repeated: [(path: [[UInt8]], earlier: [[UInt8]])] = []

  init(root: FilePath) { (self.root, aroundRoot) = (root, FolderIdentity.upwards(from: root)) }

  private func path(_ names: [[UInt8]]) -> FilePath { names.reduce(root) { $0.appending($1) } }

  mutating func passOver(_ names: [[UInt8]], _ reason: String) {
    passedOver.append(SkippedImage(index: nil, name: path(names).description, reason: reason))
  }

  /// Whether an entry of the root is a link to a folder that it lies in, which is then passed over.
  mutating func leadsBack(_ entry: FolderEntry) -> Bool { leadsBack([], entry, aroundRoot) }

  private mutating func leadsBack(
    _ folders: [[UInt8]], _ entry: FolderEntry, _ around: Set<FolderIdentity>
  ) -> Bool {
    guard entry.isLink, let identity = FolderIdentity(path(folders + [entry.name])),
      around.contains(identity)
    else { return false }
    passOver(folders + [entry.name], "is a link to a folder that it lies in")
    return true
  }

  /// A class folder and all below it.
  mutating func add(_ folder: FolderEntry) throws(ImageError) {
    try add([folder.name], isLink: folder.isLink, around: aroundRoot)
  }

  /// All below the root.
  mutating func addAll() throws(ImageError) { try add([], isLink: false, around: aroundRoot) }

  private mutating func add(
    _ folders: [[UInt8]], isLink: Bool, around: Set<FolderIdentity>
  ) throws(ImageError) {
    let path = self.path(folders)
    let entries = try FolderEntry.visible(in: path)
    for entry in entries where entry.kind != .folder {
      if ImageFormat.extensions.contains(entry.fileExtension)
        || entry.kind == .file
          && ImageFormat(path.appending(entry.name).firstBytes(ImageFormat.signatureSize)) != nil
      {
        starts.append(names.count)
        names += (folders + [entry.name]).joined(separator: [UInt8(ascii: "/")])
      } else {
        passOver(folders + [entry.name], "is no image")
      }
    }
    guard let identity = FolderIdentity(path) else { return }
    if let earlier = listed[identity] {
      // What lies below a link that is named is not named as well.
      if isLink || earlier.isLink { repeated.append((folders, earlier.path)) }
    } else {
      listed[identity] = (folders, isLink)
    }
    let below = entries.filter { $0.kind == .folder }
    guard !below.isEmpty else { return }
    let around =
      isLink ? around.union(FolderIdentity.upwards(from: path)) : around.union([identity])
    for entry in below where !leadsBack(folders, entry, around) {
      let inner = folders + [entry.name]
      if folders.count > ImageFolder.deepestFolder {
        passOver(inner, "lies more than \(ImageFolder.deepestFolder) folders deep")
      } else {
        try add(inner, isLink: entry.isLink, around: around)
      }
    }
  }

  /// So many links are named; more say no more.
  private static let namedLinks = 10

  /// Folders that count under several names, a sentence for each.
  var notes: [String] {
    func className(_ names: [[UInt8]]) -> String { "\"\(FilePath.text(names[0]))\"" }
    var notes = repeated.prefix(Self.namedLinks).map { path, earlier in
      let classes =
        path[0] == earlier[0]
        ? "twice in the class \(className(path))"
        : "in the classes \(className(earlier)) and \(className(path))"
      return
        "\(self.path(path)) and \(self.path(earlier)) are one folder by a symbolic link, so its "
        + "images count \(classes); remove the link unless that is meant"
    }
    if repeated.count > notes.count {
      notes.append(
        "\(root): \(repeated.count - notes.count) more folders count under several names by links")
    }
    return notes
  }
}

/// Which class a folder's name stands for.
private struct ClassLookup {
  enum Answer {
    case none
    case one(Int)
    case several(Int, Int)
  }
  private var positions: [String: [Int]] = [:]

  /// - Parameter names: in the order of the labels.
  init(_ names: [String]) {
    for (position, name) in names.enumerated() { positions[name, default: []].append(position) }
    // Other names of a class stand behind: they must not hide a name that is given.
    for (position, name) in names.enumerated() {
      for other in ImageNetClasses.otherNames(of: name)
      where positions[other].map({ $0.allSatisfy { names[$0] != other } }) ?? true {
        positions[other, default: []].append(position)
      }
    }
  }

  func label(of folder: String) -> Answer {
    guard let found = positions[folder] else { return .none }
    return found.count == 1 ? .one(found[0]) : .several(found[0], found[1])
  }

  /// The first names, for messages.
  static func excerpt(_ names: [String]) -> String {
    let shown = 5
    return names.prefix(shown).joined(separator: ", ") + (names.count > shown ? ", …" : "")
  }
}
