/** Tests of what the folder {@code docker} holds: the image, the compose file, the dashboard. */
package org.kerbykv.loadgen.docker;
