"""Would the tests notice? Small changes to the code, each of which should fail a test."""
