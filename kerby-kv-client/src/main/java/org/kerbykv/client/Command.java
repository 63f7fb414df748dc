package org.kerbykv.client;

/** A command of the ASCII protocol: its word, its shape, and what running it twice would mean. */
enum Command {
  GET("get", Shape.RETRIEVAL, true),
  GETS("gets", Shape.RETRIEVAL, true),
  GAT("gat", Shape.RETRIEVAL, true),
  SET("set", Shape.STORAGE, true),
  ADD("add", Shape.STORAGE, false),
  REPLACE("replace", Shape.STORAGE, false),
  APPEND("append", Shape.STORAGE, false),
  PREPEND("prepend", Shape.STORAGE, false),
  CAS("cas", Shape.STORAGE, false),
  INCR("incr", Shape.ARITHMETIC, false),
  DECR("decr", Shape.ARITHMETIC, false),
  DELETE("delete", Shape.REMOVAL, true),
  TOUCH("touch", Shape.TOUCH, true),
  VERSION("version", Shape.SERVER, true);

  /** Which replies a command can have. */
  enum Shape {
    RETRIEVAL,
    STORAGE,
    ARITHMETIC,
    REMOVAL,
    TOUCH,
    /** About the server, not an item: no key. */
    SERVER
  }

  private final String word;
  private final Shape shape;
  private final boolean repeatable;

  Command(String word, Shape shape, boolean repeatable) {
    this.word = word;
    this.shape = shape;
    this.repeatable = repeatable;
  }

  String word() {
    return word;
  }

  Shape shape() {
    return shape;
  }

  /** Whether running the command twice leaves what running it once does. */
  boolean repeatable() {
    return repeatable;
  }

  boolean hasKey() {
    return shape != Shape.SERVER;
  }

  boolean hasValue() {
    return shape == Shape.STORAGE;
  }

  /** Whether this is a reply to this command; error lines answer every command. */
  boolean admits(Reply.Status status) {
    return switch (status) {
      case END -> shape == Shape.RETRIEVAL;
      case STORED -> shape == Shape.STORAGE;
      case NOT_STORED -> shape == Shape.STORAGE && this != SET && this != CAS;
      case EXISTS -> this == CAS;
      case NOT_FOUND ->
          this == CAS
              || shape == Shape.ARITHMETIC
              || shape == Shape.REMOVAL
              || shape == Shape.TOUCH;
      case DELETED -> shape == Shape.REMOVAL;
      case TOUCHED -> shape == Shape.TOUCH;
      case NUMBER -> shape == Shape.ARITHMETIC;
      case VERSION -> shape == Shape.SERVER;
      case ERROR, CLIENT_ERROR, SERVER_ERROR -> true;
    };
  }
}
