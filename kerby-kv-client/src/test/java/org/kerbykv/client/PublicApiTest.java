package org.kerbykv.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.MethodModel;
import java.lang.classfile.attribute.ExceptionsAttribute;
import java.lang.classfile.attribute.SignatureAttribute;
import java.lang.classfile.constantpool.Utf8Entry;
import java.lang.reflect.AccessFlag;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;

/** What the compiled classes show of the libraries underneath: read from the class files. */
class PublicApiTest {
  private static List<ClassModel> classes() throws IOException, URISyntaxException {
    Path root =
        Path.of(KerbyClient.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    try (Stream<Path> files = Files.walk(root)) {
      return files
          .filter(file -> file.toString().endsWith(".class"))
          .map(PublicApiTest::parse)
          .toList();
    }
  }

  private static ClassModel parse(Path file) {
    try {
      return ClassFile.of().parse(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static boolean isVisible(Set<AccessFlag> flags) {
    return flags.contains(AccessFlag.PUBLIC) || flags.contains(AccessFlag.PROTECTED);
  }

  /** Every type that a user of the class meets, as descriptors, signatures and internal names. */
  private static List<String> visibleTypes(ClassModel model) {
    List<String> types = new ArrayList<>();
    model.superclass().ifPresent(type -> types.add(type.asInternalName()));
    model.interfaces().forEach(type -> types.add(type.asInternalName()));
    model.findAttribute(Attributes.signature()).ifPresent(s -> add(types, s));
    model.fields().stream()
        .filter(field -> isVisible(field.flags().flags()))
        .forEach(
            field -> {
              types.add(field.fieldType().stringValue());
              field.findAttribute(Attributes.signature()).ifPresent(s -> add(types, s));
            });
    model.methods().stream()
        .filter(method -> isVisible(method.flags().flags()))
        .forEach(method -> addMethod(types, method));
    return types;
  }

  private static void addMethod(List<String> types, MethodModel method) {
    types.add(method.methodType().stringValue());
    method.findAttribute(Attributes.signature()).ifPresent(s -> add(types, s));
    method
        .findAttribute(Attributes.exceptions())
        .map(ExceptionsAttribute::exceptions)
        .ifPresent(thrown -> thrown.forEach(type -> types.add(type.asInternalName())));
  }

  private static void add(List<String> types, SignatureAttribute signature) {
    types.add(signature.signature().stringValue());
  }

  @Test
  void noPublicTypeShowsTheNetworkLibrary() throws Exception {
    List<ClassModel> visible =
        classes().stream().filter(model -> isVisible(model.flags().flags())).toList();
    assertThat(visible)
        .extracting(model -> model.thisClass().asInternalName())
        .contains("org/kerbykv/client/KerbyClient", "org/kerbykv/client/KerbyClientConfig$Builder")
        .doesNotContain("org/kerbykv/client/ServerLink", "org/kerbykv/client/Call");
    for (ClassModel model : visible) {
      assertThat(visibleTypes(model))
          .as("what %s shows", model.thisClass().asInternalName())
          .isNotEmpty()
          .noneMatch(type -> type.contains("io/netty"));
    }
  }

  @Test
  void noPublicTypeShowsATypeThatIsNotPublic() throws Exception {
    List<ClassModel> all = classes();
    List<String> hidden =
        all.stream()
            .filter(model -> !isVisible(model.flags().flags()))
            .map(model -> "org/kerbykv/client/" + simpleName(model) + ";")
            .toList();
    for (ClassModel model : all) {
      if (isVisible(model.flags().flags()) && !simpleName(model).contains("$")) {
        assertThat(visibleTypes(model).stream().filter(type -> type.contains("(")))
            .as("what %s shows", simpleName(model))
            .noneMatch(type -> hidden.stream().anyMatch(type::contains));
      }
    }
  }

  private static String simpleName(ClassModel model) {
    String name = model.thisClass().asInternalName();
    return name.substring(name.lastIndexOf('/') + 1);
  }

  @Test
  void onlyTheMetricsNeedMicrometer() throws Exception {
    List<String> users =
        classes().stream()
            .filter(
                model ->
                    StreamSupport.stream(model.constantPool().spliterator(), false)
                        .anyMatch(
                            entry ->
                                entry instanceof Utf8Entry text
                                    && text.stringValue().contains("io/micrometer")))
            .map(PublicApiTest::simpleName)
            .toList();
    assertThat(users).isNotEmpty().allMatch(name -> name.matches("Kerby(Client|Lock)Metrics.*"));
  }
}
